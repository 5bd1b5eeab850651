//! Rehearsals: the embedded reviewer, and whole runs through the program itself.
mod adapted;
mod jobs;
mod reviewer;
mod scenarios;
mod secrets;
