package headers

// Apply makes the edits in a header in the shape of http.Header. It is Edit.Apply for
// each of them with one allocation for all.
func Apply(edits []Edit, header map[string][]string) {
	values := make([]string, len(edits))
	for i, e := range edits {
		if e.Op != Set {
			e.Apply(header)
			continue
		}
		values[i] = e.Value
		header[e.Name] = values[i : i+1 : i+1] // nobody appends into a neighbour
	}
}
