//! The engine's state: calls in a slab, and what calls to one origin share.

pub(crate) mod call;
pub(crate) mod endpoint;
pub(crate) mod slab;
pub(crate) mod timeline;
pub(crate) mod upstream;
