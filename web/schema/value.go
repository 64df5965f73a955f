package schema

// kind is what a value is. The order of the bits is that of typeSet.
type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	array
	object
)

// The bounds of one value, whatever the document says.
const (
	maxDepth  = 64      // of nesting; Python's parsers stop at about a thousand, pydantic at 255
	maxValues = 100_000 // of one body; keeps the tree of a body below ten times its bound
	maxNumber = 64      // characters of a number
)

// node is one value of a tree. Children follow their parent and are linked by next.
type node struct {
	kind  kind
	yes   bool   // of a boolean
	bytes bool   // a text that stands for the bytes of a file
	key   string // name of the member that it is, in an object
	text  string // of a text: decoded; of a number: as written
	first int32  // first child; 0: none
	next  int32  // next sibling; 0: none
	count int32  // children
}

// tree is one parsed value. Node 0 is the root. It is reused between requests.
type tree struct {
	nodes []node
	last  []int32 // scratch: last child of each open parent
}

func (t *tree) reset() {
	clear(t.nodes) // lets go of the texts
	t.nodes, t.last = t.nodes[:0], t.last[:0]
}

// add appends a node below parent, after its sibling before; -1 for none.
func (t *tree) add(n node, parent, before int32) int32 {
	i := int32(len(t.nodes))
	t.nodes = append(t.nodes, n)
	if parent >= 0 {
		p := &t.nodes[parent]
		if p.count++; before < 0 {
			p.first = i
		} else {
			t.nodes[before].next = i
		}
	}
	return i
}

// full reports that one more value is too many.
func (t *tree) full() bool { return len(t.nodes) >= maxValues }
