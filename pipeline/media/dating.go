package media

// dating tells the wall clock of a stream's chunks. A clock that is set shows in
// the next GOP: there a file can end, and up to there it is dated as it began.
type dating struct {
	set     *TrackSet // that the newest key frame is of; nil before the first
	stepped int64     // ns: Chunk.Stepped of its GOP
}

// keyFrame dates a chunk that begins a GOP with an access unit.
func (d *dating) keyFrame(c *Chunk, au *AU) {
	d.set, d.stepped = c.Set, au.Stepped
	c.UTC, c.Stepped = au.UTC, au.Stepped
}

// goOn dates a chunk within a GOP.
func (d *dating) goOn(c *Chunk, au *AU) {
	c.UTC, c.Stepped = d.of(c, au), au.Stepped
	if d.set == c.Set {
		c.Stepped = d.stepped
	}
}

// of is the wall clock of an access unit of a chunk, ns: by the clock of its GOP.
func (d *dating) of(c *Chunk, au *AU) int64 {
	if d.set == c.Set {
		return au.UTC - au.Stepped + d.stepped
	}
	return au.UTC
}
