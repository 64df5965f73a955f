package schema

// required fills in which members must be there. What is readOnly has to be there in
// answers only (OAS 3.0.4, Section 4.7.24.2), and 3.1 documents mean the same by it.
func (k *keywords) required(r *rule) {
	v, ok := k.s["required"]
	if !ok {
		return
	}
	properties, _ := k.s["properties"].(map[string]any)
	for _, name := range k.words(v, "required") {
		about, _ := properties[name].(map[string]any)
		if readOnly, _ := about["readOnly"].(bool); readOnly || r.members[name].required {
			continue
		}
		p := r.members[name]
		p.required = true
		r.members[name] = p
		r.needed++
	}
}

// words reads a list of texts.
func (k *keywords) words(v any, name string) []string {
	list, ok := v.([]any)
	if !ok {
		k.fail("%s is no list", name)
	}
	var all []string
	for _, item := range list {
		s, ok := item.(string)
		if !ok {
			k.fail("%s has something that is no text", name)
		}
		all = append(all, s)
	}
	return all
}

func (k *keywords) arrays(r *rule) {
	r.minItems, r.maxItems = k.count("minItems", -1), k.count("maxItems", -1)
	r.unique, _ = get[bool](k, "uniqueItems")
	if k.s["prefixItems"] != nil && !k.c.v30 {
		r.prefix = k.list("prefixItems")
	}
	r.items = k.sub("items")
	if k.c.v30 {
		return
	}
	r.contains = k.sub("contains")
	r.minContains, r.maxContains = k.count("minContains", 1), k.count("maxContains", -1)
	r.restItems = k.sub("unevaluatedItems")
}

func (k *keywords) combined(r *rule) {
	if ref, ok := get[string](k, "$ref"); ok {
		pointer, local := localPointer(ref)
		if !local {
			k.fail("$ref leads out of the document, which is not followed")
			return
		}
		var err error
		if r.ref, err = k.c.at(pointer); err != nil {
			k.fail("%w", err)
		}
	}
	r.all, r.any, r.one = k.list("allOf"), k.list("anyOf"), k.list("oneOf")
	r.not = k.sub("not")
	if k.c.v30 {
		return
	}
	if r.when = k.sub("if"); r.when != nil {
		r.then, r.or = k.sub("then"), k.sub("else")
	}
}
