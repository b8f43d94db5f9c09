package hub

import "cmp"

// G711Keep is the setting audio.g711 with which G.711 is recorded as it is sent. With any other setting it is recorded
// as LPCM.
const G711Keep = "keep"

func (c *Config) keepsG711(stream string) bool { return cmp.Or(stream, c.G711) == G711Keep }

// KeepsG711 reports whether the G.711 of a publisher of a path is recorded as it is sent: audio.g711 of the path, or
// else of the hub, is G711Keep.
func (h *Hub) KeepsG711(path string) bool {
	h.mu.Lock()
	s := h.streams[path]
	h.mu.Unlock()
	if s == nil {
		return h.cfg.keepsG711("")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return h.cfg.keepsG711(s.g711)
}
