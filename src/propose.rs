//! From a change to a commit on a branch, and to the remote.
