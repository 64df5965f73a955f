// Package limit decides how often something may happen: the generic cell rate
// algorithm in int64 microseconds, many limits at once, all or nothing.
// Beside rates there are quotas of a calendar day or month, and limits of how many may be
// under way at once.
//
// A limit's whole state is one number, the theoretical arrival time (TAT): the
// moment at which the caller is back to a full burst. A TAT in the past is the same
// as none, which is what makes forgetting it safe.
package limit
