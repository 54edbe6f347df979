//! Holds the benches of the kernels apart from the workspace: Criterion brings more crates than all of ours.
