//! Churn, on order: nodes leave, join, and take newer records.

use serde::{Deserialize, Serialize};

use super::{
    address,
    limiter::Memory,
    member::{self, Birth, Member, State},
    network::{Network, NetworkError},
    plan::{check_share, share_of},
    table::{Index, Table},
};

/// The most nodes that a network ever has, those that left included.
const MOST: usize = 1 << 20;

/// What is to happen, in shares of the nodes that are alive.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tick {
    /// So many leave. Others tell of them until the next tick.
    #[serde(default)]
    pub leave: f64,
    /// So many join; as many as leave if it is not said.
    pub join: Option<f64>,
    /// So many take a newer record. Half of their neighbours tell of the older one until the next tick.
    #[serde(default)]
    pub bump: f64,
    /// So many of those have restarted at another address.
    #[serde(default)]
    pub moved: f64,
}

/// What has happened, in nodes.
#[derive(Clone, Copy, Debug, Serialize, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Ticked {
    pub left: usize,
    pub joined: usize,
    pub bumped: usize,
    pub moved: usize,
}

impl Network {
    /// Lets one tick pass. The bootnode never leaves nor changes.
    pub fn tick(&mut self, tick: Tick) -> Result<Ticked, NetworkError> {
        let join = tick.join.unwrap_or(tick.leave);
        for (what, share) in [("leave", tick.leave), ("join", join), ("bump", tick.bump), ("moved", tick.moved)] {
            check_share(what, share)?;
        }
        for member in &mut self.members {
            member.before = None;
            if member.state == State::Left {
                member.state = State::Gone;
            }
        }
        let alive: Vec<usize> = (1..self.members.len()).filter(|place| self.is_alive(*place)).collect();
        let (leave, bump) = (share_of(alive.len(), tick.leave), share_of(alive.len(), tick.bump));
        let mut chosen = rand::seq::index::sample(&mut self.fate, alive.len(), (leave + bump).min(alive.len()))
            .into_iter()
            .filter_map(|place| alive.get(place).copied());
        let leaving: Vec<usize> = chosen.by_ref().take(leave).collect();
        let bumping: Vec<usize> = chosen.collect();
        for place in &leaving {
            self.leave(*place);
        }
        let moved = share_of(bumping.len(), tick.moved);
        for (count, place) in bumping.iter().enumerate() {
            self.renew(*place, count < moved)?;
        }
        self.sessions.forget(|member| bumping.iter().take(moved).any(|place| *place == member as usize));
        let joined = share_of(alive.len(), join).min(MOST.saturating_sub(self.members.len()));
        self.join(joined)?;
        Ok(Ticked { left: leaving.len(), joined, bumped: bumping.len(), moved })
    }

    fn is_alive(&self, place: usize) -> bool {
        self.members.get(place).is_some_and(Member::is_alive)
    }

    fn leave(&mut self, place: usize) {
        if let Some(member) = self.members.get_mut(place) {
            member.state = State::Left;
            vacate(&mut self.places, member);
        }
    }

    fn renew(&mut self, place: usize, moves: bool) -> Result<(), NetworkError> {
        let Some(member) = self.members.get_mut(place) else { return Ok(()) };
        let number = u32::try_from(place).map_err(|_| NetworkError::Full)?;
        let mut ip = member.ip;
        if moves {
            vacate(&mut self.places, member);
            ip = occupy(&mut self.places, number)?;
        }
        member.renew(Birth { seed: self.plan.seed, number, ip, port: self.port })?;
        Ok(())
    }

    /// Lets so many join, into the room that there is in the tables of others.
    fn join(&mut self, count: usize) -> Result<(), NetworkError> {
        let first = u32::try_from(self.members.len()).map_err(|_| NetworkError::Full)?;
        let mut births = Vec::with_capacity(count);
        for number in (first..).take(count) {
            let ip = occupy(&mut self.places, number)?;
            births.push(Birth { seed: self.plan.seed, number, ip, port: self.port });
        }
        self.members.extend(member::make(&births)?);
        let members = || self.members.iter().zip(0_u32..).map(|(member, number)| (member, (member.id(), number)));
        let new = Index::new(members().skip(first as usize).map(|(_, entry)| entry));
        for (member, table) in self.members.iter().zip(&mut self.tables) {
            if !member.is_alive() {
                continue;
            }
            let is_gone = |other: u32| self.members.get(other as usize).is_none_or(|other| other.state == State::Gone);
            table.forget(is_gone);
            table.fill(member.id(), member.manner.lowest(), &new, &mut self.fate);
        }
        // Who joins learns of those who left a moment ago too.
        let all = Index::new(members().filter(|(member, _)| member.state != State::Gone).map(|(_, entry)| entry));
        for member in self.members.iter().skip(first as usize) {
            self.tables.push(Table::new(member.id(), member.manner.lowest(), &all, &mut self.fate));
            self.limiters.push(Memory::default());
        }
        Ok(())
    }
}

fn vacate(places: &mut [Option<u32>], member: &Member) {
    if let Some(place) = address::place(member.ip).and_then(|place| places.get_mut(place as usize)) {
        *place = None;
    }
}

/// The next address that nobody ever had.
fn occupy(places: &mut Vec<Option<u32>>, number: u32) -> Result<std::net::Ipv4Addr, NetworkError> {
    let place = u32::try_from(places.len()).map_err(|_| NetworkError::Full)?;
    let ip = address::of(place).ok_or(NetworkError::Full)?;
    places.push(Some(number));
    Ok(ip)
}
