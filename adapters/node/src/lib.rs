//! The program feiqian: command line, configuration, wiring, metrics exporter.
