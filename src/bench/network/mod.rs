//! Full nodes that are polled: what merging costs, how soon a change is seen, what followers cost.

mod merging;
mod watching;

use serde::Serialize;

/// What was measured, and what it is held to.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Each by its name.
    pub figures: Vec<Figure>,
}

/// One of them.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// What it is, with its unit.
    pub name: &'static str,
    /// It.
    pub value: f64,
    /// What it may be at most, if that is promised.
    pub at_most: Option<f64>,
}

impl Figures {
    /// Whether every promise is kept.
    pub fn are_met(&self) -> bool {
        self.figures.iter().all(|figure| figure.at_most.is_none_or(|most| figure.value <= most))
    }
}

/// Measures all of it: with so many nodes, each with so many connections.
pub async fn measure(nodes: u16, connections: u16) -> anyhow::Result<Figures> {
    let mut figures = merging::measure(nodes, connections).await?;
    figures.extend(watching::measure(nodes, connections).await?);
    Ok(Figures { figures })
}

fn figure(name: &'static str, value: f64) -> Figure {
    Figure { name, value, at_most: None }
}

fn bar(name: &'static str, value: f64, most: f64) -> Figure {
    Figure { name, value, at_most: Some(most) }
}
