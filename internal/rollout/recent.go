package rollout

import "container/list"

// recent remembers a bounded number of things; what was touched least lately makes room.
type recent[K comparable, V any] struct {
	limit int
	byKey map[K]*list.Element
	order *list.List // latest in front; values are *entry[K, V]
}

type entry[K comparable, V any] struct {
	key K
	V   V
}

func newRecent[K comparable, V any](limit int) *recent[K, V] {
	return &recent[K, V]{limit: limit, byKey: map[K]*list.Element{}, order: list.New()}
}

// get returns what stands under key, made if needed. The pointer is valid until the next
// call.
func (r *recent[K, V]) get(key K) (v *V, isNew bool) {
	if at := r.byKey[key]; at != nil {
		r.order.MoveToFront(at)
		return &at.Value.(*entry[K, V]).V, false
	}
	if len(r.byKey) >= r.limit {
		oldest := r.order.Back()
		delete(r.byKey, oldest.Value.(*entry[K, V]).key)
		r.order.Remove(oldest)
	}
	e := &entry[K, V]{key: key}
	r.byKey[key] = r.order.PushFront(e)
	return &e.V, true
}

// take returns every value that has something, and empties it; what is known stays known.
func take[K comparable, V any](r *recent[K, V], some func(*V) bool) []V {
	var all []V
	for at := r.order.Front(); at != nil; at = at.Next() {
		e := at.Value.(*entry[K, V])
		if some(&e.V) {
			all = append(all, e.V)
			var none V
			e.V = none
		}
	}
	return all
}
