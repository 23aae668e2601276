//! The one gate before everything that changes something: jobs, requests, sanjers. Each route says whether it does
//! (`Route::changes`); a route that changes something only sometimes asks [`pass`] itself.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::{
    Api,
    problem::{Code, Problem},
};

/// Whether something may be changed.
pub(super) fn pass(api: &Api) -> Result<(), Problem> {
    if api.config.api.read_only {
        return Err(Problem::new(Code::ReadOnly, "this API changes nothing (api.read_only)"));
    }
    Ok(())
}

/// The same around a whole route.
pub(super) async fn around(State(api): State<Api>, request: Request, next: Next) -> Response {
    match pass(&api) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}
