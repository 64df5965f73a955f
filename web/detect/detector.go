package detect

// The bounds of the work on one answer. What lies behind them is not looked at.
const (
	MaxBody  = 1 << 20  // bytes of the answer
	maxSteps = 16 << 20 // steps of searches, so that many values on a long page cost no more
)

// Verdict says what became of a value. Its text is a label.
type Verdict string

// The verdicts, the worst first.
const (
	Live    Verdict = "live"    // its bytes changed the markup, or are an address that runs
	Suspect Verdict = "suspect" // they did, but may be the page's own; or they stand in a script
	Inert   Verdict = "inert"   // it came back as it was, where that changes nothing
	Escaped Verdict = "escaped" // it came back escaped, and never as it was
)

// Finding is a value that came back.
type Finding struct {
	Source  Source
	Name    string  // of the parameter, as the client wrote it
	Context Context // of the worst occurrence
	Verdict Verdict
	Raw     int // occurrences as it was
	Escaped int // occurrences escaped
}

// Detector looks for the suspicious values of a request in the HTML that answers it. It
// is an exchange.Filter that changes nothing and holds nothing back. For one body and one
// goroutine.
type Detector struct {
	values   []*wanted
	position *position
	plain    plainly
	found    func([]Finding)
	wake     [256]bool  // bytes that mean something where no value has begun
	out      func(byte) // stepPlain
	steps    int
	limited  bool // a bound was reached
}

// wanted is a value and what became of it.
type wanted struct {
	Value
	raw, plain search
	nRaw       int
	nPlain     int
	verdict    Verdict
	context    Context
}

// New returns a detector of the values, which hears of what was found when the body ends;
// not when nothing was. There must be at least one value.
func New(v *Values, found func([]Finding)) *Detector {
	d := &Detector{found: found}
	longest := 0
	for _, value := range v.list {
		s := newSearch(value.text)
		d.values = append(d.values, &wanted{Value: value, raw: s, plain: s})
		longest = max(longest, len(value.text))
		d.wake[value.text[0]] = true
	}
	d.wake['<'], d.wake['&'], d.wake['\\'] = true, true, true
	d.out = d.stepPlain
	d.position = newPosition(longest)
	return d
}

// Push implements exchange.Filter.
func (d *Detector) Push(dst, src []byte) []byte {
	d.Look(src)
	return append(dst, src...)
}

// Look implements exchange.Watcher: it reads the next bytes of the body.
func (d *Detector) Look(src []byte) {
	for i := 0; i < len(src); i++ {
		if d.limited || d.position.at >= MaxBody || d.steps > maxSteps {
			d.limited = true
			return
		}
		if n := d.idle(src[i:]); n > 0 {
			d.position.skip(src[i : i+n])
			i += n - 1
			continue
		}
		c := src[i]
		d.position.step(c)
		for _, w := range d.values {
			if w.raw.at == 0 && c != w.text[0] {
				continue
			}
			d.steps++
			if w.raw.step(c) {
				w.nRaw++
				w.meet(d.position)
			}
		}
		d.plain.step(c, d.out)
	}
}

// idle counts the bytes of text at the beginning of src that can neither begin a value
// nor go on with one.
func (d *Detector) idle(src []byte) (n int) {
	if d.plain.n > 0 || d.wake[src[0]] || !d.position.text() {
		return 0
	}
	for _, w := range d.values {
		if w.raw.at > 0 || w.plain.at > 0 {
			return 0
		}
	}
	for n < len(src) && !d.wake[src[n]] {
		n++
	}
	return n
}

func (d *Detector) stepPlain(c byte) {
	for _, w := range d.values {
		if w.plain.at == 0 && c != w.text[0] {
			continue
		}
		d.steps++
		if w.plain.step(c) {
			w.nPlain++
		}
	}
}

// meet judges an occurrence that has just ended, and keeps the worst.
func (w *wanted) meet(p *position) {
	context, verdict := w.judge(p)
	if w.verdict == "" || rank(verdict) < rank(w.verdict) {
		w.context, w.verdict = context, verdict
	}
}

func (w *wanted) judge(p *position) (Context, Verdict) {
	begin, first, changed := p.span(len(w.text))
	context := contextOf(begin)
	switch {
	case begin.url && first && runs(w.text):
		return InURL, Live
	case p.lost() && !changed:
		return Unknown, Inert
	case changed && common(w.text):
		return context, Suspect
	case changed:
		return context, Live
	case context == InScript || context == InHandler:
		return context, Suspect
	}
	return context, Inert
}

func rank(v Verdict) int {
	switch v {
	case Live:
		return 0
	case Suspect:
		return 1
	case Inert:
		return 2
	}
	return 3
}

// Live reports whether a value has come back as live markup so far, other than those that
// except names.
func (d *Detector) Live(except func(name string) bool) bool {
	for _, w := range d.values {
		if w.verdict == Live && (except == nil || !except(w.Name)) {
			return true
		}
	}
	return false
}

// Limited reports whether a bound was reached before the end of the body.
func (d *Detector) Limited() bool { return d.limited }

// Close implements exchange.Filter.
func (d *Detector) Close(dst []byte) []byte {
	d.plain.flush(d.out)
	var findings []Finding
	for _, w := range d.values {
		if w.nRaw == 0 && w.nPlain == 0 {
			continue
		}
		f := Finding{w.Source, w.Name, w.context, w.verdict, w.nRaw, max(0, w.nPlain-w.nRaw)}
		if w.nRaw == 0 {
			f.Context, f.Verdict = "", Escaped
		}
		findings = append(findings, f)
	}
	if d.found != nil && len(findings) > 0 {
		d.found(findings)
	}
	return dst
}
