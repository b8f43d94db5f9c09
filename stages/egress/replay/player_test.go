package replay

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/media/footage"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/clients"
	"github.com/gospool/spool/stages/egress/rtp"
	"github.com/gospool/spool/stages/egress/rtsp"
)

const beginUTC = int64(1_800_000_000_000_000_000)

// shelf has pictures of a fifth of a second. It implements footage.Library and footage.Reader.
type shelf struct {
	t     *testing.T
	units []footage.Unit
	next  int
	open  int // readers that are not closed
	span  footage.Span
}

func (s *shelf) Extent(context.Context, string, int64) (footage.Extent, error) {
	if len(s.units) == 0 {
		return footage.Extent{}, footage.ErrNone
	}
	return footage.Extent{BeginUTC: beginUTC, EndUTC: s.units[len(s.units)-1].UTC + 200_000_000, Set: s.units[0].Set}, nil
}

func (s *shelf) Open(_ string, span footage.Span) footage.Reader {
	s.open++
	s.next, s.span = 0, span
	return s
}

func (s *shelf) Next(_ context.Context, u *footage.Unit) error {
	if s.next == len(s.units) {
		return io.EOF
	}
	*u = s.units[s.next]
	s.next++
	return nil
}

// Payload returns a picture: every second one is needed by no other.
func (s *shelf) Payload() ([]byte, error) {
	ref := byte(0x60)
	if s.next%2 == 0 {
		ref = 0
	}
	return []byte{0, 0, 0, 2, 0x01 | ref, byte(s.next)}, nil
}

func (s *shelf) Close() error {
	s.open--
	return nil
}

// add appends a recording of n pictures that begins at a time since the first one.
func (s *shelf) add(tracks []media.Track, since time.Duration, n int) {
	set, err := media.NewTrackSet(1, tracks)
	require.NoError(s.t, err)
	for i := range n {
		s.units = append(s.units, footage.Unit{
			Set: set, DTS: int64(i) * 18_000, PTS: int64(i) * 18_000, DurationTicks: 18_000, BeginUTC: beginUTC + int64(since),
			UTC: beginUTC + int64(since) + int64(i)*200_000_000, SizeBytes: 6, Sync: i == 0, Begins: i == 0, Jumps: i == 0,
		})
	}
}

// leap is a clock whose time passes only while it is waited for.
type leap struct{ now time.Time }

func (c *leap) Now() time.Time { return c.now }
func (c *leap) After(d time.Duration) (<-chan time.Time, func()) {
	c.now = c.now.Add(d)
	at := make(chan time.Time, 1)
	at <- c.now
	return at, func() {}
}

// outlet keeps what is sent.
type outlet struct {
	clock   *leap
	table   *clients.Table // has the client
	took    time.Duration  // of each Send
	at      []time.Duration
	stamps  []uint32
	reports [][]byte
	after   func() // called after each Send
}

func (o *outlet) Send(f *rtp.Frames) error {
	for i := range f.Len() {
		channel, p := f.Frame(i)
		if channel%2 != 0 {
			o.reports = append(o.reports, append([]byte{}, p...))
			continue
		}
		head := 12
		if p[0]&0x10 != 0 { // the header extension follows
			head += 16
		}
		if p[head]&0x1f == 1 { // a picture, no parameter set
			o.at = append(o.at, o.clock.now.Sub(time.Unix(0, 0)))
			o.stamps = append(o.stamps, binary.BigEndian.Uint32(p[4:]))
		}
	}
	o.clock.now = o.clock.now.Add(o.took)
	if o.after != nil {
		o.after()
	}
	return nil
}

func newPlayer(t *testing.T, s *shelf) (*Player, *outlet) {
	t.Helper()
	show, err := Describe(t.Context(), s, "live/a", "")
	require.NoError(t, err)
	clock := &leap{time.Unix(0, 0)}
	table := clients.New("rtsp", clients.Limits{}, slog.New(slog.DiscardHandler), clock)
	client := table.Admit(&net.TCPAddr{}, false, func() {})
	p := NewPlayer(show, client, []rtsp.Track{{Section: show.Session.Medias[0]}}, clock)
	t.Cleanup(func() {
		p.Close()
		require.Zero(t, s.open)
	})
	return p, &outlet{clock: clock, table: table}
}

func (p *Player) asked(t *testing.T, h base.Header) Answer {
	t.Helper()
	q, err := ParseRequest(h)
	require.NoError(t, err)
	a, err := p.Play(t.Context(), q)
	require.NoError(t, err)
	return a
}

func newShelf(t *testing.T) *shelf {
	s := &shelf{t: t}
	s.add([]media.Track{pipelinetest.AVC(640, 360)}, 0, 5)
	s.add([]media.Track{pipelinetest.AVC(320, 180)}, time.Hour, 5)
	return s
}

// each returns n times that are so far apart.
func each(step time.Duration, n int) (out []time.Duration) {
	for i := range n {
		out = append(out, time.Duration(i)*step)
	}
	return out
}

func TestUnitsAreSentWhenTheyAreDue(t *testing.T) {
	for scale, step := range map[string]time.Duration{"1": 200 * time.Millisecond, "4": 50 * time.Millisecond, "0.5": 400 * time.Millisecond} {
		p, out := newPlayer(t, newShelf(t))
		a := p.asked(t, base.Header{"Scale": {scale}})
		require.ErrorIs(t, p.Run(t.Context(), out), ErrEnded)
		require.Equal(t, each(step, 10), out.at, "the gap of an hour is not waited for")
		require.Equal(t, a.Info[0].RTPTime, out.stamps[0])
		for i, stamp := range out.stamps {
			require.Equal(t, uint32(each(step, 10)[i]*9/100_000), stamp-out.stamps[0])
		}
	}
}

func TestASlowClientMissesNothing(t *testing.T) {
	p, out := newPlayer(t, newShelf(t))
	p.asked(t, nil)
	out.took = 350 * time.Millisecond
	require.ErrorIs(t, p.Run(t.Context(), out), ErrEnded)
	require.Len(t, out.at, 10)
	require.Less(t, out.at[9], 10*out.took, "several are sent at once when the client is late")
}

func TestTheClientDecidesTheSpeed(t *testing.T) {
	p, out := newPlayer(t, newShelf(t))
	p.asked(t, base.Header{"Rate-Control": {"no"}})
	require.ErrorIs(t, p.Run(t.Context(), out), ErrEnded)
	require.Equal(t, make([]time.Duration, 10), out.at)
	require.Equal(t, uint32(3600*90_000), out.stamps[5]-out.stamps[0], "the times of the recordings")
	require.Len(t, out.reports, 2, "no report but the last one, and that with BYE")
	require.Equal(t, make([]byte, 12), out.reports[0][8:20], "it has no times")
}

func TestReportsHaveTheWallClockOfPlaying(t *testing.T) {
	p, out := newPlayer(t, newShelf(t))
	out.clock.now = time.Unix(1_900_000_000, 0)
	p.asked(t, nil)
	require.ErrorIs(t, p.Run(t.Context(), out), ErrEnded)
	r := out.reports[0]
	require.Equal(t, uint32(1_900_000_000+2_208_988_800), binary.BigEndian.Uint32(r[8:]))
	require.Equal(t, out.stamps[0], binary.BigEndian.Uint32(r[16:]))
}

func TestPicturesThatNoOtherNeedsAreLeftOut(t *testing.T) {
	p, out := newPlayer(t, newShelf(t))
	p.asked(t, base.Header{"Frames": {"predicted"}})
	require.ErrorIs(t, p.Run(t.Context(), out), ErrEnded)
	require.Len(t, out.at, 5)
}

// A picture that RTP cannot carry is counted for the client that does not get it. The pictures of the shelf are no JPEG.
func TestAUnitThatIsLeftOutIsCounted(t *testing.T) {
	s := &shelf{t: t}
	s.add([]media.Track{{Codec: codec.MJPEG, Timescale: 90000, Width: 320, Height: 176}}, 0, 5)
	p, out := newPlayer(t, s)
	p.asked(t, nil)
	require.ErrorIs(t, p.Run(t.Context(), out), ErrEnded)
	require.Empty(t, out.at)
	require.EqualValues(t, 5, out.table.List()[0].Skipped)
}

func TestFootageWithOtherTracks(t *testing.T) {
	s := newShelf(t)
	other := pipelinetest.AVC(640, 360)
	other.Codec = codec.H265
	s.add([]media.Track{other}, 2*time.Hour, 5)
	p, out := newPlayer(t, s)
	p.asked(t, nil)
	require.ErrorIs(t, p.Run(t.Context(), out), ErrOtherTracks)
	require.Len(t, out.at, 10)
	require.True(t, Ended(ErrOtherTracks))

	s.units = s.units[10:]
	_, err := p.Play(t.Context(), Request{Ranged: true, Speed: Speed{Thousandths: 1000}})
	require.ErrorIs(t, err, ErrOtherTracks)
	require.Equal(t, 1, s.open, "the player is still where it was")
}

func TestAPlayerThatIsClosedWhileItRuns(t *testing.T) {
	s := newShelf(t)
	p, out := newPlayer(t, s)
	p.asked(t, nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	out.after = func() {
		p.Close()
		require.Equal(t, 1, s.open, "it is being read")
		cancel(errClosed)
	}
	require.ErrorIs(t, p.Run(ctx, out), errClosed)
	require.Zero(t, s.open)
	_, err := p.Play(t.Context(), Request{})
	require.ErrorIs(t, err, errClosed)
}

func TestASpanOfARequest(t *testing.T) {
	s := newShelf(t)
	p, _ := newPlayer(t, s)
	end := s.units[9].UTC + 200_000_000
	a := p.asked(t, base.Header{"Range": {"npt=0.5-1"}})
	require.Equal(t, footage.Span{FromUTC: beginUTC + 500_000_000, ToUTC: beginUTC + 1_000_000_000}, s.span)
	require.Equal(t, "npt=0-1", a.Range.String(), "it begins with the key frame before")
	p.asked(t, base.Header{"Range": {"npt=now-"}})
	require.Equal(t, footage.Span{FromUTC: end - 1, ToUTC: footage.Newest}, s.span)
	_, err := p.Play(t.Context(), Request{Ranged: true, Range: Range{Relative: true, From: Moment{Given, 0}}, Speed: Speed{Thousandths: -1000}})
	require.ErrorIs(t, err, ErrRange, "nothing is before the begin")
	p.atUTC += 700_000_000
	p.asked(t, base.Header{"Scale": {"-2"}})
	require.Equal(t, footage.Span{FromUTC: beginUTC + 700_000_000, ToUTC: beginUTC, Reverse: true}, s.span, "from where it is")
}
