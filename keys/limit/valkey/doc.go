// Package valkey counts limits for several nodes in a Valkey or Redis server: a
// limit.Shared that weighs all limits of a request in one round trip, by the server's
// clock, and steps aside when the server is slow or gone.
//
// The keys are "{sanmon}:" and a hash: who is counted stays unreadable, and a cluster keeps
// all keys on one of its nodes, which is the one to name.
package valkey
