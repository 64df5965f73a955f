// Package rollout brings pages under the strict content security policy without breaking
// them: it collects what browsers report and which inline scripts pages have, keeps what a
// person approved or explained, and says which routes are ready.
//
// # What is believed
//
// Reports can be sent by anybody, and inline scripts can be an attacker's. So nothing that
// was collected is ever in force by itself: a person reads it, and what the person decides
// stands in a file beside the configuration, where it can be reviewed like code.
//
// # Bounds
//
// Memory holds at most 1000 groups of reports and 4096 scripts, whatever is sent; what was
// seen least lately makes room. The store holds a little more, and is pruned.
package rollout
