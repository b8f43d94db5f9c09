package scrub

import (
	"strings"
	"testing"
)

// FuzzScrub: no credentials and no path from the root survive.
func FuzzScrub(f *testing.F) {
	for _, seed := range []string{"open /var/rec/x: no", "rtsp://u:p@h/x failed", "a:/etc/x", "/a", "dial tcp 1.2.3.4:5: refused", "\"/home/x y\""} {
		f.Add(seed)
	}
	s := &Scrubber{RecordDir: "/var/rec"}
	f.Fuzz(func(t *testing.T, text string) {
		out := s.Text("x " + text + " open /home/op/spool/key: denied rtsp://joe:pass@host/x")
		if strings.Contains(out, "/home/op") || strings.Contains(out, "joe:pass") {
			t.Fatalf("%q", out)
		}
	})
}

// A remedy keeps its endpoint, whatever punctuation follows it.
func TestAnEndpointStaysWhole(t *testing.T) {
	s := &Scrubber{Endpoints: []string{"/mp4/reload"}}
	for _, remedy := range []string{"reload: POST /mp4/reload", "POST /mp4/reload; or restart", "POST /mp4/reload, or restart"} {
		if said := s.Hint(remedy); said != remedy {
			t.Errorf("%q", said)
		}
	}
	if said := s.Hint("open /etc/spool/a;b: denied"); said != "open a;b: denied" {
		t.Errorf("%q", said)
	}
}
