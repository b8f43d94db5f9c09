package ingest_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/ingesttest"
	"github.com/gospool/spool/stages/ingest/rtp"
)

// camera models a sender with true times: pictures at 25 a second in groups of a form, each one packet.
type camera struct {
	b     *bench
	v     *rtp.Track
	form  []int64 // of a group: when each picture is presented, in decoding order
	n     int     // pictures made so far
	clock int64   // ticks of the sender's clock ahead of the true time
	rate  float64 // of that clock
	bad   bool    // the newest time was wrong
	sent  []int64 // true times of the sent pictures, ticks
}

var (
	noB      = []int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}
	withB    = []int64{0, 3, 1, 2, 6, 4, 5, 9, 7, 8, 11, 10}
	pyramidB = []int64{0, 4, 2, 1, 3, 8, 6, 5, 7, 11, 10, 9}
)

func newCamera(t testing.TB, form []int64) *camera {
	b := newBench(t)
	depth := uint32(0)
	switch &form[0] {
	case &withB[0]:
		depth = 1
	case &pyramidB[0]:
		depth = 2
	}
	sps, pps := ingesttest.ReorderedSets(false, depth)
	return &camera{b: b, v: b.Video(codec.H264, sps, pps), form: form, rate: 1}
}

// next sends a picture with its time, as bad changes it.
func (c *camera) next(bad func(int64) int64) {
	group, i := int64(c.n/len(c.form)), c.n%len(c.form)
	shown := group*int64(len(c.form)) + c.form[i]
	p := ingesttest.Coded{Kind: 1, Ref: true, FrameNum: uint32(i), POC: uint32(2 * c.form[i])}
	if i == 0 {
		p.Kind, p.IDRID = 5, uint32(group%2)
	}
	at := int64(float64(shown*3600)*c.rate) + c.clock
	if bad != nil {
		at = bad(at)
	}
	c.b.Send(c.v, uint32(at), true, p.NAL(false)[:40]...)
	c.sent = append(c.sent, shown*3600)
	c.skip()
}

// skip makes a picture without sending it.
func (c *camera) skip() {
	c.n++
	c.b.Now = c.b.Now.Add(40 * time.Millisecond)
}

func (c *camera) end() []ingesttest.Unit {
	c.v.Close()
	c.b.Feed.Close()
	return c.b.Publisher.Units
}

// check requires every sent picture, in order, and no further from its true time than the given number of pictures.
func (c *camera) check(t require.TestingT, units []ingesttest.Unit, from int, bound int64) {
	require.Len(t, units, len(c.sent), "every picture is kept")
	for i, u := range units {
		if i > from {
			require.Greater(t, u.AU.DTS, units[i-1].AU.DTS, "picture %d", i)
		}
		require.GreaterOrEqual(t, u.AU.PTS, u.AU.DTS-bound*3600, "picture %d", i)
		if i >= from {
			require.InDelta(t, c.sent[i]-c.sent[from], u.AU.PTS-units[from].AU.PTS, float64(bound*3600), "picture %d", i)
		}
	}
}

var forms = map[string][]int64{"no B": noB, "B": withB, "pyramid": pyramidB}

// badTimes are faulty times of known senders.
var badTimes = map[string]func(int64) int64{
	"zero":              func(int64) int64 { return 0 },
	"one":               func(int64) int64 { return 1 },
	"random":            func(int64) int64 { return int64(rand.Uint32()) },
	"half way round":    func(at int64) int64 { return at + 1<<31 },
	"backwards":         func(at int64) int64 { return at - 5*3600 },
	"far back":          func(at int64) int64 { return at - 3600*90000 },
	"forwards":          func(at int64) int64 { return at + 30*3600 },
	"a little ahead":    func(at int64) int64 { return at + 4*3600 },
	"far ahead":         func(at int64) int64 { return at + 3600*90000 },
	"milliseconds":      func(at int64) int64 { return at / 90 },
	"of the one before": func(at int64) int64 { return at - 3600 },
}

func TestOutliersAreRepaired(t *testing.T) {
	for form, places := range forms {
		for name, bad := range badTimes {
			t.Run(form+" "+name, func(t *testing.T) {
				c := newCamera(t, places)
				c.clock = 1<<32 - 100*3600 // the clock passes 2^32 on the way
				wrong := 0
				for i := range 250 {
					if i > 50 && i%37 == 5 {
						c.next(bad)
						wrong++
						continue
					}
					c.next(nil)
				}
				c.check(t, c.end(), 0, 1)
				repaired := c.b.Publisher.Repairs[ingest.RepairedOutlier] + c.b.Publisher.Repairs[ingest.RepairedTime]
				require.LessOrEqual(t, repaired, uint64(3*wrong))
				if name != "of the one before" || form == "no B" {
					require.GreaterOrEqual(t, repaired, uint64(wrong), "counted")
				}
			})
		}
	}
}

// A lasting deviation is a jump, not an outlier: no time changes, unless several jumps happen within a minute.
func TestAClockThatIsSetIsFollowed(t *testing.T) {
	for form, places := range forms {
		for name, by := range map[string]int64{
			"an hour forward": 3600 * 90000, "an hour back": -3600 * 90000, "back to nought": -1000 * 3600, "five seconds forward": 5 * 90000,
			"half way round": 1 << 31,
		} {
			t.Run(form+" "+name, func(t *testing.T) {
				c := newCamera(t, places)
				c.clock = 1000 * 3600
				for range 100 {
					c.next(nil)
				}
				c.clock += by
				for range 200 {
					c.next(nil)
				}
				units := c.end()
				require.Len(t, units, 300)
				require.Zero(t, c.b.Publisher.Repairs[ingest.RepairedOutlier])
				breaks := 0
				for i, u := range units[1:] {
					if d := u.AU.DTS - units[i].AU.DTS; d > 2*90000 || d < -2*90000 {
						breaks++
						continue
					}
					require.Greater(t, u.AU.DTS, units[i].AU.DTS, "picture %d", i+1)
				}
				require.Equal(t, 1, breaks)
			})
		}
	}
}

// Some senders restart their clock at each key frame, or set it back and forth twice a second: time continues, with
// at most two breaks.
func TestAClockThatIsSetAllTheTimeIsNot(t *testing.T) {
	for form, places := range forms {
		for name, set := range map[string]func(c *camera){
			"anew with each group": func(c *camera) { c.clock = -int64(c.n) * 3600 },
			"to and fro":           func(c *camera) { c.clock = 7200*90000 - c.clock },
		} {
			t.Run(form+" "+name, func(t *testing.T) {
				c := newCamera(t, places)
				for i := range 600 {
					if i%len(places) == 0 && i > 50 {
						set(c)
					}
					c.next(nil)
				}
				units := c.end()
				require.Len(t, units, 600)
				breaks, at := 0, 0
				for i, u := range units[1:] {
					if d := u.AU.DTS - units[i].AU.DTS; d > 90000 || d < -90000 {
						breaks, at = breaks+1, i+1
						continue
					}
					require.Greater(t, u.AU.DTS, units[i].AU.DTS, "picture %d", i+1)
				}
				require.LessOrEqual(t, breaks, 2)
				require.Positive(t, c.b.Publisher.Repairs[ingest.RepairedOutlier])
				c.check(t, units, at, 80) // the first step back fades with the next pictures
			})
		}
	}
}

// Small jitter of the sender's clock and bursts of the network change no time.
func TestTimesThatFitStayAsTheyAre(t *testing.T) {
	for seed := range uint64(24) {
		dice := rand.New(rand.NewPCG(seed, 2))
		c := newCamera(t, [][]int64{noB, withB, pyramidB}[seed%3])
		c.clock = 1<<32 - dice.Int64N(1e6)
		var want []int64
		for range 250 {
			jitter := dice.Int64N(1800) - 900
			c.next(func(at int64) int64 { want = append(want, at+jitter); return at + jitter })
			c.b.Now = c.b.Now.Add(time.Duration([]int{-20, 0, 0, 20, 200, -39}[dice.IntN(6)]) * time.Millisecond)
		}
		units := c.end()
		require.Len(t, units, len(want))
		for i, u := range units {
			require.Equal(t, want[i]-want[0], u.AU.PTS-units[0].AU.PTS, "seed %d: picture %d", seed, i)
		}
		require.Zero(t, c.b.Publisher.Repairs[ingest.RepairedOutlier])
	}
}

// With any faulty times, at any rate and with any losses, the arrived pictures are kept, in order, and near their
// true time.
func TestAnyOutliers(t *testing.T) {
	for seed := range uint64(24) {
		anyOutliers(t, rand.New(rand.NewPCG(seed, 1)))
	}
}

func anyOutliers(t *testing.T, dice *rand.Rand) {
	c := newCamera(t, [][]int64{noB, withB, pyramidB}[dice.IntN(3)])
	c.clock = 1<<32 - dice.Int64N(1e6)
	often, lossy, small, bound := []int{50, 20, 8}[dice.IntN(3)], dice.IntN(2) == 0, dice.IntN(2) == 0, int64(8)
	switch { // the time next to a loss or another outlier may itself be wrong, undetectably
	case lossy:
		often, bound = 50, 25
	case often == 8, small:
		bound = 25
	}
	for i := range 250 {
		switch {
		case lossy && i > 30 && dice.IntN(30) == 0:
			c.b.Seq[c.v]++
			c.skip()
		case i < 20 || c.bad || dice.IntN(often) > 0:
			c.next(nil)
			c.bad = false
		default:
			c.bad = true
			c.next(func(at int64) int64 {
				if small {
					return at + dice.Int64N(40*3600) - 20*3600
				}
				return int64(dice.Uint32())
			})
		}
	}
	c.check(t, c.end(), 0, bound)
}

// Sound of one frame and of several in a packet: an outlier is placed exactly at the end of the packet before.
func TestOutliersOfSoundAreRepaired(t *testing.T) {
	for name, bad := range badTimes {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			a := b.audio()
			wrong := 0
			for i := range int64(500) {
				at := 1<<32 - 100*1024 + i*1024
				if i > 5 && i%37 == 5 {
					at = bad(at)
					wrong++
				}
				b.Send(a, uint32(at), true, 0xaa, byte(i))
				b.Now = b.Now.Add(1024 * time.Second / 48000)
			}
			a.Close()
			b.Feed.Close()
			units := b.Publisher.Units
			require.Len(t, units, 500)
			off := 0
			for i, u := range units {
				require.Equal(t, byte(i), u.NALs[0][1])
				if u.AU.DTS-units[0].AU.DTS != int64(i)*1024 {
					off++
				}
			}
			if name == "a little ahead" { // 0.3 s of sound: the sender may have left some out
				require.LessOrEqual(t, off, 2*wrong)
				return
			}
			require.Zero(t, off)
			require.Positive(t, b.Publisher.Repairs[ingest.RepairedOutlier])
		})
	}
}

func TestSoundWhoseClockIsSetGoesOn(t *testing.T) {
	for name, by := range map[string]int64{"an hour": 3600 * 48000, "an hour back": -3600 * 48000, "a little back": -4800, "a little forward": 9600} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			a := b.audio()
			at := int64(1 << 30)
			for i := range 300 {
				if i == 150 {
					at += by
				}
				b.Send(a, uint32(at), true, 0xaa, byte(i))
				at += 1024
				b.Now = b.Now.Add(1024 * time.Second / 48000)
			}
			a.Close()
			b.Feed.Close()
			units := b.Publisher.Units
			require.Len(t, units, 300)
			breaks := 0
			for i, u := range units[1:] {
				if d := u.AU.DTS - units[i].AU.DTS; d != 1024 {
					breaks++
				}
			}
			if name == "a little back" { // the clock is followed in small steps
				require.InDelta(t, 4800/128, breaks, 3)
				require.InDelta(t, 149*1024+151*1024-1024+by, units[299].AU.DTS-units[0].AU.DTS, 1, "and then as it was sent")
				return
			}
			require.Equal(t, 1, breaks)
		})
	}
}

// A packet within a picture, or its first one, has a wrong time.
func TestAPacketOfAPictureWithAWrongTime(t *testing.T) {
	for _, which := range []int{0, 1, 2} {
		for name, bad := range badTimes {
			b := newBench(t)
			sps, pps := ingesttest.CodedSets(false)
			v := b.Video(codec.H264, sps, pps)
			for i := range int64(200) {
				nal := ingesttest.Coded{Kind: 5, IDRID: uint32(i % 2)}.NAL(false)[:100]
				head := nal[0]&0xe0 | 28
				fragments := [][]byte{
					append([]byte{head, 0x80 | nal[0]&0x1f}, nal[1:40]...),
					append([]byte{head, nal[0] & 0x1f}, nal[40:70]...),
					append([]byte{head, 0x40 | nal[0]&0x1f}, nal[70:]...),
				}
				for n, p := range fragments {
					at := 1<<31 + i*3600
					if n == which && i%29 == 20 {
						at = bad(at)
					}
					b.Send(v, uint32(at), n == 2, p...)
				}
				b.Now = b.Now.Add(40 * time.Millisecond)
			}
			v.Close()
			b.Feed.Close()
			require.Len(t, b.Publisher.Units, 200, "%s %d: %v", name, which, b.Publisher.Losses)
			for i, u := range b.Publisher.Units {
				require.InDelta(t, i*3600, u.AU.PTS-b.Publisher.Units[0].AU.PTS, 3600, "%s %d: picture %d", name, which, i)
				require.Len(t, u.NALs[0], 100)
			}
			require.Empty(t, b.Publisher.Losses)
		}
	}
}
