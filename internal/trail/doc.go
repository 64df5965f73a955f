// Package trail signs the state of the audit trail from time to time and takes the
// checkpoints to a place outside of the database.
package trail
