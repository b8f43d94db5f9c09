package hls

import (
	"sync"

	"github.com/gospool/spool/pipeline/media"
)

// maxKeptChunks bounds the chunks of all maps that are kept: some 18 MB, three days of chunks of a second.
const maxKeptChunks = 1 << 18

// maps keeps the maps of finished files that were used last. The zero value is ready. It is safe for concurrent use.
type maps struct {
	mu     sync.Mutex // guards the fields below
	list   []kept     // the latest last
	chunks int        // of all maps in list
}

type kept struct {
	id   media.ID
	path string
	m    *Mapped
}

// get returns the map of a recording, or nil.
func (k *maps) get(id media.ID, path string) *Mapped {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, one := range k.list {
		if one.id == id && one.path == path {
			copy(k.list[i:], k.list[i+1:])
			k.list[len(k.list)-1] = one
			return one.m
		}
	}
	return nil
}

// put keeps a map, in place of those that were used least recently.
func (k *maps) put(id media.ID, path string, m *Mapped) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.list = append(k.list, kept{id, path, m})
	k.chunks += len(m.Chunks)
	for k.chunks > maxKeptChunks && len(k.list) > 0 {
		k.chunks -= len(k.list[0].m.Chunks)
		k.list = k.list[1:]
	}
}
