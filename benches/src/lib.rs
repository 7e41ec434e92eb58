//! Workloads and criterion micro-benchmarks.
