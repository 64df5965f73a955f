package schema

// Difference is what changed about one operation between two documents.
type Difference struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Change string `json:"change"` // "added", "removed" or "changed"
}

// Differences lists the operations that differ in anything that decides about requests,
// by path and method. Texts that only describe do not count. Nil documents have none.
func Differences(old, now *Document) []Difference {
	var all []Difference
	before := map[string]*Operation{}
	if old != nil {
		for _, o := range old.Operations {
			before[o.Method+" "+o.Path] = o
		}
	}
	if now != nil {
		for _, o := range now.Operations {
			was := before[o.Method+" "+o.Path]
			delete(before, o.Method+" "+o.Path)
			switch {
			case was == nil:
				all = append(all, Difference{o.Method, o.Path, "added"})
			case was.digest != o.digest:
				all = append(all, Difference{o.Method, o.Path, "changed"})
			}
		}
	}
	if old != nil {
		for _, o := range old.Operations {
			if before[o.Method+" "+o.Path] != nil {
				all = append(all, Difference{o.Method, o.Path, "removed"})
			}
		}
	}
	return all
}
