// Package schema judges requests against an OpenAPI document (3.0 and 3.1): path, query,
// header and cookie parameters, and bodies in JSON, urlencoded and multipart form.
//
// A Document is parsed and compiled once and then only read. Judging reads what will be
// forwarded and changes nothing, so it never repairs, fills in a default or escapes: a
// value is as the document says, or the request is refused with the field and the rule,
// never with the value.
//
// Two things are stricter than the document, because parsers differ and the judged value
// has to be the one that the backend reads: JSON with a repeated member name, invalid
// UTF-8, a lone surrogate, a byte order mark or anything after the value is refused, and
// so is a parameter that is sent twice where one value is declared.
//
// Two are more lenient, because clients are: values in texts (query, forms) may spell a
// boolean as HTML forms and FastAPI do (on, off, yes, no, 1, 0), and an empty form field
// that is not required counts as absent, as browsers send every field of a form.
//
// Query parameters that the document does not have are refused. Members of a JSON body
// that it does not have are refused where the schema is closed (additionalProperties or
// unevaluatedProperties false); where it is silent they are reported as undeclared, since
// most frameworks publish open schemas and ignore the rest.
//
// Everything is bounded: size of the document, depth, count of values, length of numbers,
// and the work of one judgement, so that no combination of a recursive schema and a deep
// body takes longer than some milliseconds. What a document uses that this package cannot
// judge makes its operation Unjudged: then every request of it is refused, with the reason.
//
// Why a validator of its own: the libraries at hand either compile a schema again for
// every request and fall back to weaker rules where that fails (kin-openapi 0.152, 3.1),
// or have no bound for the work of one validation (santhosh-tekuri/jsonschema 6). The second
// is the oracle of the tests: random schemas and values get the same verdict.
package schema
