package rtsptest

import "time"

// RarePeriod is the time between two pictures of the quirk rare-pictures.
const RarePeriod = 12 * time.Second

func init() {
	add(Quirk{Name: "rare-pictures", Doc: "battery and time-lapse cameras: a picture in longer than clients wait by default, without sound", Film: rare})
	add(Quirk{Name: "clock-fast", Doc: "cameras whose oscillator runs too fast, for pictures and sound", Wire: retime(-1, func(t int64, _ int) int64 { return t * 11 / 10 })})
	add(Quirk{Name: "clock-half", Doc: "cameras whose picture clock runs at 45 kHz and is described as 90", Wire: retime(0, func(t int64, _ int) int64 { return t / 2 }), NoReports: true})
	add(Quirk{Name: "clock-half-silent", Doc: "the same without sound to compare it with", Film: silent, Wire: retime(0, func(t int64, _ int) int64 { return t / 2 }), NoReports: true})
	add(Quirk{Name: "timestamp-outliers", Doc: "cameras one in fifty of whose pictures has a time from elsewhere", NoReports: true, Wire: retime(0, func(t int64, n int) int64 {
		if Outlier(n) {
			return []int64{t + 3600*90000, t - 3600*90000, 0, t + 1<<31, t + 7*90000, t - 7*90000}[n/50%6]
		}
		return t
	})})
	add(Quirk{Name: "timestamp-stands", Doc: "cameras that give two pictures one time, now and then", Film: silent, NoReports: true, Wire: retime(0, func(t int64, n int) int64 {
		if n%10 == 7 {
			return t - 9000
		}
		return t
	})})
	add(Quirk{Name: "time-wraps", Doc: "every camera once in 13 hours: RTP time goes from its end to 0", Wire: func(s *Session) func([]Packet) []Packet {
		for _, k := range s.senders { // RTP time wraps two seconds after the start
			k.base = uint32(1<<32 - 2*k.Track.ClockHz)
		}
		return func(p []Packet) []Packet { return p }
	}, Answer: on("PLAY", func(x *Exchange) {
		if x.Response.Status == 200 {
			x.Response.Set("RTP-Info", "")
		}
	})})
	add(Quirk{Name: "no-reports", Doc: "cameras without sender reports", NoReports: true})
	add(Quirk{Name: "epoch-reports", Doc: "cameras whose clock was never set: 1970", NoReports: true, Wire: epochReports})
}

// Outlier reports whether the quirk timestamp-outliers sends picture n with a wrong time. n counts the pictures of a
// session from 0.
func Outlier(n int) bool { return n%50 == 20 }

// rare is a Quirk.Film that keeps only the key frames, RarePeriod apart.
func rare(c *Clip) *Clip {
	t := *c.Video()
	t.Units = nil
	step := int64(RarePeriod/time.Second) * t.ClockHz
	for _, u := range c.Video().Units {
		if u.Key {
			u.DTS, u.PTS = int64(len(t.Units))*step, int64(len(t.Units))*step
			t.Units = append(t.Units, u)
		}
	}
	t.PeriodTicks = int64(len(t.Units)) * step
	return &Clip{Tracks: []Track{t}}
}

// silent is a Quirk.Film that keeps only the video.
func silent(c *Clip) *Clip { return &Clip{Tracks: c.Tracks[:1]} }

// retime returns a Quirk.Wire that changes the RTP times of a track, or of all tracks for -1. change gets the time of a
// packet in ticks since the start of the session, and the number of its access unit, and returns the new time.
func retime(track int, change func(t int64, n int) int64) func(*Session) func([]Packet) []Packet {
	return func(*Session) func([]Packet) []Packet {
		return func(p []Packet) []Packet {
			for i := range p {
				if k := p[i].Sender; track < 0 || k.Index == track {
					p[i].TS = k.base + uint32(change(int64(p[i].TS-k.base), p[i].N))
				}
			}
			return p
		}
	}
}

func epochReports(s *Session) func([]Packet) []Packet {
	begin := time.Unix(0, 0)
	return func(p []Packet) []Packet {
		if len(p) > 0 && p[0].N%25 == 0 {
			k := p[0].Sender
			_ = k.report(begin.Add(ticks(int64(p[0].TS-k.base), k.Track.ClockHz)), p[0].TS)
		}
		return p
	}
}
