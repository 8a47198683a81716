//! The future that object-safe traits return.

use std::future::Future;
use std::pin::Pin;

/// A boxed future, which keeps the traits of an [`Engine`](crate::Engine) object-safe.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
