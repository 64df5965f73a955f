// Package foreign reads JWTs that somebody else made: ID tokens of a provider, assertions
// of a client, proofs with a key of their own. The signature is verified by go-jose, which
// is lenient about nearly everything around it; a strict reader stands in front of it, so
// that go-jose only ever sees what the Rules admit:
//
//   - three segments of canonical base64url, at most 8 KiB: no padding, no line ends, no
//     JSON serialisation, no JWE;
//   - JSON in valid UTF-8, no member twice or in another case, shallow, nothing behind it;
//   - header members of a short list: nothing that names a key, a certificate, a
//     compression or an extension (jku, x5u, x5c, jwk, zip, crit, b64);
//   - one of the expected algorithms, which the key must be for (RFC 8725, Section 3.1);
//     symmetric ones are never among them;
//   - exp, and iat where the life is limited, as whole numbers;
//   - keys that are public, for signatures, strong enough and named once.
//
// Sanmon's own access tokens are the business of package token.
package foreign
