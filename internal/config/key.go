package config

// key is one key of the file. The table of all keys (grammar) is the only place
// that knows names, types, defaults and bounds: the decoder, the JSON Schema and
// the reference in docs/configuration.md are made from it.
type key struct {
	name     string
	doc      string // meaning, unit and reason
	def      string // default as one would write it; "" none
	example  string
	required bool
	secret   bool // its value is a reference to a secret, and never shown
	later    bool // the whole key belongs to a later version
	shape    shape
}

// shape says what may stand as a value. The parts are alternatives, told apart by
// the form of what stands there: store is a scalar or a mapping, boundary a scalar
// or a list.
type shape struct {
	scalar *scalar
	item   *shape // a list of these
	named  *shape // a mapping whose names the user chooses
	names  *scalar
	keys   []key // a mapping with these keys
}

// scalar is one type of single values.
type scalar struct {
	name   string   // "duration"
	want   string   // how to write one, as a remedy
	form   form     // text unless said
	values []string // all values, where they are few
	later  []string // those of them that belong to later versions
	off    string   // what to write instead of those
	parse  func(string) (any, error)
	schema map[string]any // JSON Schema beyond type and enum
}

// wrong is a fault of a scalar before its place is known.
type wrong struct{ message, remedy string }

func (w wrong) Error() string { return w.message }

// later is a value that is known but belongs to a later version.
type later struct{ instead string }

func (later) Error() string { return "not part of this version" }

func one(s scalar) shape                { return shape{scalar: &s} }
func many(s scalar) shape               { return shape{item: &shape{scalar: &s}} }
func section(keys ...key) shape         { return shape{keys: keys} }
func byName(n scalar, of shape) shape   { return shape{named: &of, names: &n} }
func oneOrMany(s scalar) shape          { return shape{scalar: &s, item: &shape{scalar: &s}} }
func listOf(of shape) shape             { return shape{item: &of} }
func oneOr(s scalar, keys ...key) shape { return shape{scalar: &s, keys: keys} }

// offKey is the form of switching something off: with the reason in place.
func offKey(what string) key {
	return key{name: "off", required: true, shape: one(reason()), doc: "Switches " + what + " off. The value is the reason.",
		example: "the load balancer does this"}
}
