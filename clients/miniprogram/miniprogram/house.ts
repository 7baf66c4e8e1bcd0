/** What the pages share; made once, when the program starts. */

import { Client } from "./api/client";
import { Looks } from "./looks";
import { Settings } from "./settings";
import { Subscribing } from "./subscribing";
import { Unsent } from "./unsent";

export interface House {
  readonly client: Client;
  readonly looks: Looks;
  readonly subscribing: Subscribing;
  readonly unsent: Unsent;
}

export interface Application {
  house: House;
}

export function make(settings: Settings): House {
  const client = new Client(settings);
  return { client, looks: new Looks(), subscribing: new Subscribing(client), unsent: new Unsent(client) };
}

export function house(): House {
  return getApp<Application>().house;
}
