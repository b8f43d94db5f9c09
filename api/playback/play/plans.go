package play

import (
	"sync"

	"github.com/gospool/spool/api/playback/movie"
)

// maxPlans bounds the plans that are kept, maxClips their clips, of which each takes about a kilobyte. A player sends many requests for ranges of one
// file.
const (
	maxPlans = 16
	maxClips = 20_000
)

// plans keeps the plans of the latest requests. The zero value is ready. It is safe for concurrent use.
type plans struct {
	mu   sync.Mutex // guards list
	list []kept     // the latest first
}

type kept struct {
	key  string
	plan *movie.Movie
}

// get returns the plan of a request, or nil.
func (k *plans) get(key string) *movie.Movie {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, one := range k.list {
		if one.key == key {
			copy(k.list[1:i+1], k.list[:i])
			k.list[0] = one
			return one.plan
		}
	}
	return nil
}

// put keeps the plan of a request, in place of those that were used least recently.
func (k *plans) put(key string, m *movie.Movie) {
	k.drop(key)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.list = append([]kept{{key, m}}, k.list...)
	clips := 0
	for i, one := range k.list {
		if clips += one.plan.Clips(); i > 0 && (i >= maxPlans || clips > maxClips) {
			clear(k.list[i:])
			k.list = k.list[:i]
			break
		}
	}
}

// drop forgets the plan of a request.
func (k *plans) drop(key string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, one := range k.list {
		if one.key == key {
			k.list = append(k.list[:i:i], k.list[i+1:]...)
			return
		}
	}
}
