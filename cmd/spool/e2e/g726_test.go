package e2e

import "testing"

// publishG726 sends the pictures of a file, and its sound as G.726 in the packing of RFC 3551. Matroska has only the other
// order of the bits, which AAL2 has, so ffmpeg codes the sound again: the codes have the same order, and so the same
// samples.
func publishG726(t *testing.T, file, url string) sender {
	t.Helper()
	sound := noise(len(probe(t, file, "v").packets) / 25)
	return publishBy(t, "-re", "-i", file, "-re", "-f", "lavfi", "-i", sound, "-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "g726le",
		"-code_size", "4", "-ar", "8000", "-ac", "1", "-f", "rtsp", "-rtsp_transport", "tcp", url)
}
