# What is done often. `just` lists it.
default:
    @just --list

# Everything a submission is checked for
check:
    bash .ci/run

# The tests
test *args:
    cargo test {{ args }}

# Look at changed snapshots and accept them (needs cargo-insta)
review:
    cargo insta review

# Measure; see benches/README.md
bench:
    cargo bench

# Licences, sources and banned crates (needs cargo-deny)
deny:
    cargo deny check bans licenses sources
