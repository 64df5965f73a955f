// Command bench measures what Sanmon costs beside a bare httputil.ReverseProxy, on
// loopback, in interleaved rounds.
//
//	go run ./bench                      the table of the README, in under five minutes
//	go run ./bench -rounds 5 -json 6s   longer
//	go run ./bench -keys 1000000        and the memory that a million API keys take
//	go run ./bench -first 500           and the time to the first byte of a page
//	go run ./bench -browser 300         and the same as Chromium sees it
//	go run ./bench -flood 3             and what a flood of logins leaves to other routes
//	go run ./bench -limiter valkey://127.0.0.1:6379   and limits that a server counts
//
// Method. Load, upstream and proxy share one core: two busy cores of a virtual machine
// are slowed down by each other invisibly, and CPU time with them. So the CPU seconds per
// request of the proxy's process are the honest figure, and ratios within a round. Each
// round starts every row afresh in shuffled order, checks that it does its work (and that
// it refuses without credentials), warms up, and measures. Medians are printed. Every row
// gets a request head of the same size.
package main
