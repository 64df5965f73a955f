// Package leak takes reports about credentials that were found where they do not
// belong, and makes those credentials worthless.
//
// A report is believed for one of two reasons. Whoever shows a whole key holds it, and
// possession is the right to revoke: anybody may report that way. Or the report carries
// the signature of a service that searches public places; today that is GitHub's secret
// scanning, whose message and signature are documented in its partner programme. Both end
// in the same decision, a Revoker, and neither tells the reporter anything that it did not
// know.
//
// What is reported is public by then. It still goes into no log and no error: a report
// carries the id of a key, the place and the kind of place.
package leak
