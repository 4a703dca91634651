/** Below this a run may end on a full disk; a year of one symbol at the finest default threshold takes less. */
export const freeBytesLeast = 2e9;
