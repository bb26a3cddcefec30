//! The texts inside a policy: amounts, URLs and names.

pub(in crate::config) mod amount;
pub(in crate::config) mod names;
pub mod url;
