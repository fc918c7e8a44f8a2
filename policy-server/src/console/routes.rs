//! The one way to add a route: with who may use it, so that no route is without a rule and a test can list them all.

use std::sync::Arc;

use axum::{
    Router,
    extract::Request,
    handler::Handler,
    middleware::{Next, from_fn},
    routing::{self, MethodRouter},
};
use policy_server_core::authz::Action;

use super::guard;
use crate::server::Server;

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody: nothing of the organisation is shown or changed. Such routes stand in a list of their own in the tests.
    Open,
    /// Somebody signed in whose role may do this to something. To what exactly is for the handler to judge
    /// with [`super::visit::Who::may`].
    Needs(Action),
}

/// A route as the tests see it.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(test), allow(dead_code, reason = "read by the test that walks all routes"))]
pub struct Route {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// With axum's placeholders.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
}

/// Routes and their rules.
pub struct Routes {
    server: Arc<Server>,
    router: Router<Arc<Server>>,
    list: Vec<Route>,
}

impl Routes {
    /// None yet.
    pub fn new(server: &Arc<Server>) -> Self {
        Self { server: Arc::clone(server), router: Router::new(), list: Vec::new() }
    }

    /// Adds a page.
    pub fn get<H, T>(self, path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, Arc<Server>>,
        T: 'static,
    {
        self.add("GET", path, access, routing::get(handler))
    }

    /// Adds something that changes; the guard asks for the forgery token of every such request.
    pub fn post<H, T>(self, path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, Arc<Server>>,
        T: 'static,
    {
        self.add("POST", path, access, routing::post(handler))
    }

    fn add(
        mut self,
        method: &'static str,
        path: &'static str,
        access: Access,
        handler: MethodRouter<Arc<Server>>,
    ) -> Self {
        let server = Arc::clone(&self.server);
        let guarded = handler.route_layer(from_fn(move |request: Request, next: Next| {
            guard::guard(Arc::clone(&server), access, request, next)
        }));
        self.router = self.router.route(path, guarded);
        self.list.push(Route { method, path, access });
        self
    }

    /// All of them, for the test that walks them.
    #[cfg(test)]
    pub fn list(&self) -> &[Route] {
        &self.list
    }

    /// What serves them.
    pub fn into_router(self) -> Router {
        self.router.with_state(self.server)
    }
}
