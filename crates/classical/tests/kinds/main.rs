//! Kinds of units: the laws of their layers, every pair of them in a machine, and what machines of particular kinds can do.

#[path = "../common/mod.rs"]
mod common;

mod kind;

mod class_rbm;
mod continuous;
mod forwarding;
mod layers;
mod linear_chain;
mod normalisable;
mod pairs;
mod refusals;
mod reparametrise;
