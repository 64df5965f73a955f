// Package limit decides how often something may happen: the generic cell rate
// algorithm in int64 microseconds, many limits at once, all or nothing.
//
// A limit's whole state is one number, the theoretical arrival time (TAT): the
// moment at which the caller is back to a full burst. A TAT in the past is the same
// as none, which is what makes forgetting it safe.
package limit
