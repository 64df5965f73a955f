// Package qr draws QR codes (ISO/IEC 18004:2015) of bytes with error correction level M.
// It has one use: showing the secret of an authenticator app on our own page, so that the
// secret goes to no service and no script for it.
package qr
