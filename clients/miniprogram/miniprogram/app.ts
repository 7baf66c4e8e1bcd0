import { Application, make } from "./house";
import { settings } from "./settings";

const made = make(settings);

App<Application & WechatMiniprogram.IAnyObject>({
  house: made,
  onLaunch() {
    // What was entered where there was no network goes as soon as there is one.
    wx.onNetworkStatusChange(({ isConnected }) => {
      if (isConnected) void made.unsent.send();
    });
  },
});
