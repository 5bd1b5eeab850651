//! Rehearsals: the embedded reviewer, and whole runs through the program itself.
mod jobs;
mod reviewer;
mod scenarios;
mod secrets;
