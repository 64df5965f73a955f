// Package redact is the last net under every log: it reads what is about to be
// written, as bytes, and takes out what looks like a credential. It sees what no
// attribute filter sees (nested values, error texts, addresses, keys of maps),
// because it looks at the end of the line and not at the beginning.
//
// It is a net, not a licence: whoever holds a secret keeps it in a secret.Value.
//
// Taken out are Sanmon keys (their public id stays), refresh tokens and authorization
// codes, Bearer and Basic credentials,
// JSON web tokens, private keys in PEM, passwords in addresses, values of fields,
// members, parameters and cookies with telling names; also in JSON strings (nested
// ones too), percent-encoded, and Sanmon keys in base64, hexadecimal and the
// decimal list that fmt prints for bytes. JSON stays JSON.
package redact
