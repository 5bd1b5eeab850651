//! Rehearsals: the embedded reviewer, and whole runs through the program itself.
mod reviewer;
