@0x9c1f4b7ad26e83f5;

interface Peer {
  echo @0 (bytes :Data) -> (bytes :Data);
  get @1 (key :Text) -> (value :Data);
  put @2 (key :Text, value :Data) -> ();
}
