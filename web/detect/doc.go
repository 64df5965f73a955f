// Package detect finds request values that came back as live markup: the missing escape
// behind a reflected cross-site scripting hole (B.4 of the design's research).
//
// It is a detector and no filter. What looked like one inside browsers, the XSS Auditor,
// was given up because a page changed under the hands of an attacker and the verdict
// could be seen from outside. Here bytes pass unchanged, and only the operator learns
// which parameter of which route came back in which place of the markup.
//
//	Gate      does a raw query or form carry anything that could be markup? No allocation.
//	Values    the decoded values that could be, few and bounded
//	Detector  an exchange.Filter that follows the markup of the answer and looks for them
//
// A value counts as live when its own bytes ended or began something in the markup: a
// tag, an attribute, a comment, a script. The same value escaped is the proof that the
// page does it right, and counted too. What is stored and shown later, and what scripts
// put into the page in the browser, is not seen here.
package detect
