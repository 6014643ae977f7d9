//! Tests of the store itself. The stories over HTTP are elsewhere.
