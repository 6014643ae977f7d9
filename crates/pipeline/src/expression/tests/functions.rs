//! Every function: what it answers, and what it refuses.
