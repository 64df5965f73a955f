package source

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sanmon-gate/sanmon/secret"
)

// Member takes one text of a JSON object, for sources that keep objects.
func Member(object []byte, name string) (secret.Value, error) {
	var members map[string]json.RawMessage
	if json.Unmarshal(object, &members) != nil || members == nil {
		return secret.Value{}, errors.New("the secret is no JSON object, so it has no fields (leave #FIELD out)")
	}
	raw, ok := members[name]
	if !ok {
		return secret.Value{}, fmt.Errorf("%w: the secret has no field of that name", ErrAbsent)
	}
	var text string
	if json.Unmarshal(raw, &text) != nil || string(raw) == "null" {
		return secret.Value{}, errors.New("the field is no text (store it as a string)")
	}
	return secret.NewString(text), nil
}
