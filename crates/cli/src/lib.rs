//! The command line of gibbsian.
