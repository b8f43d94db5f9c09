package media

// PartSuffix ends the name of a recording's file while the file grows, and after a
// crash until recovery has finished it. It is taken away then.
const PartSuffix = ".part"
