/** The file in a job's folder that says that an attempt was ended to make room. By itself, for the supervisor loads as little as it can. */
export const stopNoteName = "stopped.json";
