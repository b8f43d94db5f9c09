package mpegts

import (
	"cmp"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
)

// tables holds what the PAT and the PMTs say.
type tables struct {
	association association
	pat         tablePID
	programs    []program
	maps        map[uint16]*programMap // newest map of each program, by its number
	pids        map[uint16]*tablePID   // by PID of a PMT
	chosen      uint16                 // number of the program that is recorded; 0: none
	silent      bool                   // that no program can be recorded has been logged
}

// programMap is a PMT as it came.
type programMap struct {
	checksum uint32
	forms    []formed
	leftOut  []string
}

// formed is an elementary stream that can be recorded.
type formed struct {
	form *carried
	sets [][]byte
	kind uint8
	pid  uint16
}

// same reports whether two elementary streams have the same form, so that the tracks remain.
func (f formed) same(o formed) bool {
	return f.form == o.form && slices.EqualFunc(f.sets, o.sets, slices.Equal[[]byte])
}

// tablePID reads the tables of a PID.
type tablePID struct {
	counter  continuity
	sections sections
}

// packet takes a packet of the PID.
func (t *tablePID) packet(d *Demuxer, p *packet) {
	if len(p.payload) == 0 || p.scrambled {
		return
	}
	switch follows, missing := t.counter.next(p); follows {
	case again:
		return
	case afterLoss:
		d.lose(media.DropTSLoss, uint64(max(missing, 1)))
		t.sections.lost()
	case afterCut:
		t.sections.lost()
	}
	if !t.sections.write(p, d.takeSection) {
		d.lose(media.DropTSMalformed, 1)
	}
}

// section takes a whole section of a table.
func (d *Demuxer) section(b []byte) {
	s, ok := readSection(b)
	switch {
	case !ok, !s.current:
	case s.id == tablePAT:
		if d.tables.association.take(&s) {
			d.associate()
		}
	case s.id == tablePMT:
		d.programMap(&s)
	}
}

// associate takes a new list of programs.
func (d *Demuxer) associate() {
	t := &d.tables
	t.programs = t.association.programs()
	maps, pids := map[uint16]*programMap{}, map[uint16]*tablePID{}
	chosen := uint16(0)
	for _, p := range t.programs {
		if m := t.maps[p.number]; m != nil {
			maps[p.number] = m
		}
		if pids[p.pid] = t.pids[p.pid]; pids[p.pid] == nil {
			pids[p.pid] = &tablePID{}
		}
		if p.number == t.chosen {
			chosen = t.chosen
		}
	}
	t.maps, t.pids, t.chosen = maps, pids, chosen
	d.route()
}

// programMap takes the map of a program.
func (d *Demuxer) programMap(s *tableSection) {
	t := &d.tables
	known := slices.ContainsFunc(t.programs, func(p program) bool { return p.number == s.extension })
	old := t.maps[s.extension]
	if !known || s.number != 0 {
		return
	}
	repeated := old != nil && old.checksum == s.checksum
	if !repeated {
		m, ok := readMap(s)
		if !ok {
			d.lose(media.DropTSMalformed, 1)
			return
		}
		if t.chosen == s.extension && !d.adopt(m) {
			return
		}
		t.maps[s.extension] = m
	}
	if t.chosen == 0 {
		d.choose(s.extension, repeated)
	}
}

// readMap reads a section of a PMT.
func readMap(s *tableSection) (*programMap, bool) {
	_, list, ok := readProgramMap(s.data)
	m := &programMap{checksum: s.checksum}
	for _, c := range list {
		form := formOf(&c)
		var sets [][]byte
		var err error
		if form != nil && form.sets != nil {
			sets, err = form.sets(&c)
		}
		switch {
		case err != nil:
			m.leftOut = append(m.leftOut, err.Error())
		case form != nil && form.payload != nil:
			m.forms = append(m.forms, formed{form, sets, c.kind, c.pid})
		case !isSections(c.kind):
			m.leftOut = append(m.leftOut, nameOf(&c))
		}
	}
	return m, ok
}

// choose chooses the program that is recorded: the first one of the PAT with media. It waits until the maps of the
// programs before have come, or the map of a program has come twice. number is the program whose map has come.
func (d *Demuxer) choose(number uint16, twice bool) {
	t := &d.tables
	for _, p := range t.programs {
		m := t.maps[p.number]
		if m == nil && !twice {
			return
		}
		if m == nil || len(m.forms) == 0 {
			continue
		}
		if !d.adopt(m) {
			return
		}
		t.chosen = p.number
		if len(t.programs) > 1 {
			d.log.Info("the transport stream has several programs: the first one with media is recorded", "programs", len(t.programs), "program", p.number)
		}
		return
	}
	if !t.silent {
		t.silent = true
		m := t.maps[number]
		d.log.Warn("the program of a transport stream has no track that can be recorded; "+Recordable, "program", number, "codecs", m.leftOut)
	}
}

// changeEvery bounds how often the tracks may change: a change begins a new publication.
const changeEvery = time.Second

// adopt makes the elementary streams of a map those that are recorded. If they are those that are recorded already, the
// publication goes on; otherwise it ends, and another one begins. adopt reports whether it has taken the map; a map that
// comes too soon after the one before is taken when it is repeated.
func (d *Demuxer) adopt(m *programMap) bool {
	if old := d.adopted; old != nil && slices.EqualFunc(old.forms, m.forms, formed.same) {
		for i, f := range m.forms {
			d.streams[i].move(f.pid)
		}
		d.adopted = m
		if d.to != nil {
			d.to.LeaveOut(m.leftOut)
		}
		d.route()
		return true
	}
	now := d.o.Clock.Now()
	if d.adopted != nil && now.Sub(d.adoptedAt) < changeEvery {
		return false
	}
	if d.to != nil {
		d.log.Info("the tracks of the transport stream change: a new publication begins")
	}
	d.end(func(p *hub.Publisher) { p.Close(endcause.SourceLost) })
	d.adopted, d.adoptedAt, d.streams = m, now, nil
	for _, f := range m.forms {
		d.streams = append(d.streams, &elementary{of: d, form: f.form, sets: f.sets, kind: f.kind, pid: f.pid})
	}
	d.route()
	return true
}

// route sets the roles of all PIDs.
func (d *Demuxer) route() {
	for i := range d.slots {
		d.slots[i] = slot{}
	}
	clear(d.roles[:])
	d.slots = append(d.slots[:0], slot{}) // roleNone
	d.role(0, slot{table: &d.tables.pat})
	for _, p := range d.tables.programs {
		d.role(p.pid, slot{table: d.tables.pids[p.pid]})
	}
	for _, e := range d.streams {
		d.role(e.pid, slot{stream: e})
	}
}

// role gives a PID its role, unless it has one.
func (d *Demuxer) role(pid uint16, s slot) {
	if pid == nullPID || d.roles[pid] != roleNone {
		return
	}
	d.roles[pid] = uint8(len(d.slots))
	d.slots = append(d.slots, s)
}

// attach adds the track of the stream to the feed.
func (e *elementary) attach() (err error) {
	e.track, err = e.of.feed.AddTrack(ingest.TrackConfig{Codec: e.form.codec, Timescale: cmp.Or(e.form.rate, clockHz), ParameterSets: e.sets, OneClock: true, LossCause: media.DropTSLoss})
	e.payload = e.form.payload(e)
	return err
}

// move makes the stream that of another PID.
func (e *elementary) move(pid uint16) {
	if e.pid == pid {
		return
	}
	e.pid, e.counter = pid, continuity{}
	if e.payload != nil {
		e.cut()
		e.state = betweenPES
	}
}

// suspect records that the transport lost data: packets of the stream may be missing although their counters agree.
func (e *elementary) suspect() {
	if _, pictures := e.payload.(*nalUnits); pictures && e.state == inPayload {
		e.counter.suspect = true
	}
}
